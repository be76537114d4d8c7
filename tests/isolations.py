"""The tests of the matrix that are about worktrees alone, each with the reason; test_clone.py has what takes their place."""

_REASONS = {
    "it looks into, or damages, git's registry of worktrees, which a clone is not in": (
        "test_workspace_is_locked_in_our_name",
        "test_a_worktree_that_was_moved_keeps_its_branch_and_files",
        "test_a_workspace_that_was_moved_is_left_with_the_way_back",
        "test_looking_writes_nothing",
        "test_an_empty_commondir_is_written_again",
        "test_a_workspace_whose_link_is_broken_is_named_with_the_way_out",
        "test_it_works_in_a_bare_repository",
        "test_a_copy_of_a_repository_does_not_take_the_workspaces",
        "test_locks_of_the_dead_go_wherever_git_makes_them",
        "test_a_deleted_workspace_is_checked_out_again_with_what_was_staged",
        "test_a_workspace_deleted_with_its_registration_is_made_again",
        "test_a_moved_workspace_is_followed",
        "test_a_link_edited_by_hand_is_written_again",
        "test_a_lost_registration_is_made_again_and_files_stay",
        "test_an_index_that_git_cannot_read_is_made_again",
        "test_without_a_journal_the_registry_tells_and_the_only_base_is_no_guess",
    ),
    "it moves or deletes the branch in the repository, where that of a clone is only a copy": (
        "test_a_deleted_branch_is_made_again_where_its_workspace_stood",
        "test_a_deleted_branch_without_a_workspace_on_it_is_told",
        "test_a_renamed_branch_is_followed",
        "test_commits_that_a_moved_branch_lost_are_kept",
        "test_a_task_whose_branch_is_gone_is_left_out",
        "test_a_renamed_branch_is_told_how_to_get_its_name_back",
        "test_a_branch_that_was_left_and_deleted_is_not_taken_for_renamed",
        "test_with_its_branch_gone_the_files_are_left",
    ),
    "it deletes the directory by hand, and a clone's commits go with it": (
        "test_the_last_commit_of_a_deleted_workspace_is_kept",
        "test_a_deleted_workspace_with_work_not_yet_home_is_left",
        "test_a_task_whose_workspace_is_gone_is_merged_by_its_branch",
        "test_a_workspace_that_is_gone_counts_with_its_branch",
        "test_what_cannot_be_looked_at_is_named_and_the_rest_goes_on",
    ),
    "it has a task and a branch of one name, and asks git for both in one place": (
        "test_refs_heads_is_always_the_branch",
    ),
    "it lands in the branch of a task, which no landing moves when that lives in a clone": (
        "test_into_a_task_leaves_that_task_out_of_all",
        "test_a_stacked_task_alone_lands_in_the_task_below",
    ),
    "stash, hooks, rerere and settings are shared by worktrees, and a clone has its own from the start": (
        "test_stashes_are_never_touched",
        "test_a_hook_that_refuses_a_rebase_is_asked_once",
        "test_post_merge_runs_in_the_workspace",
        "test_what_was_solved_is_recorded_and_used",
        "test_settings_that_harm_are_told_with_their_cure",
    ),
    "what a removal keeps of a clone is its whole git directory": (
        "test_what_is_removed_is_kept",
        "test_it_can_be_brought_back_again_and_again",
    ),
    "it counts git processes, or compares a whole record, and those of a clone are others": (
        "test_what_is_known_is_not_asked_again",
        "test_records_are_private_and_whole",
    ),
    "it asks git in the parent for commits that only the clone has yet": (
        "test_where_git_counts_many_in_one_walk_it_says_what_one_by_one_does",
        "test_an_upstream_ahead_counts_as_the_base_and_one_behind_does_not",
    ),
    "it makes git's checkout of a worktree fail": ("test_a_restore_that_fails_takes_back_what_it_made",),
}

WORKTREES_ONLY = {name: why for why, names in _REASONS.items() for name in names}
"""Why each does not run against clones."""

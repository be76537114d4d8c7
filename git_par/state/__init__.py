"""What git-par remembers: tasks, journal, locks, settings."""

"""What ``smtune init`` writes: files that run as they are."""

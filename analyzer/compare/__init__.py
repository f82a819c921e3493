"""What is held against one another: a report and an earlier one, two sessions, our frames and those of another dissector."""

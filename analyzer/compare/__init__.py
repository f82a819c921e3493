"""Reports held against one another: what is new since a baseline, and how two sessions differ. In and out: plain report data."""

"""From messages to what rules judge: classify, measure silence and pace, freeze a `Session`, sum it up for the report."""

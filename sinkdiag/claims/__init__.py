"""What the papers claim, judged on measured curves."""

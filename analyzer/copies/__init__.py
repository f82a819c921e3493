"""Captures written anew: the user's own one with findings as comments, and the one of a single session that may be given away."""

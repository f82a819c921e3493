"""A second opinion on a capture: what another dissector made of it, compared with our reading frame by frame."""

"""What things are: types that every floor shares. No parsing and no I/O, save the spill file of a table."""

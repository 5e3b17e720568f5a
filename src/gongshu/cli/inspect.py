def inspect_command(app): pass

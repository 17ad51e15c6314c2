"""The command line: what is declared by kinds of problems, as commands."""

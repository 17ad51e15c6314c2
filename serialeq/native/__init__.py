"""What is compiled and serves every problem."""

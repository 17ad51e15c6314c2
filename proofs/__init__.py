"""What the library promises, as theorems that a machine checks; ``python -m proofs`` runs them."""

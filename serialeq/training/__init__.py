"""What every training and every estimator shares."""

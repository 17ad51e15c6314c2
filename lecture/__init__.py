"""The lecture "Lifting Synchronization Barriers", recomputed section by section."""

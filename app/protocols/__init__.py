"""The protocols of other programs, each as a state machine without I/O."""

"""What single steps of the flow read, compute and store; ``medsupply.flow`` is their list."""

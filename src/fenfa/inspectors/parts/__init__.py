"""What several formats share: containers, property lists, binary XML, pictures, certificates."""

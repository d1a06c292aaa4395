"""What an account reaches: surfaces, processes, keyrings, scratch places, through a gateway's whole day."""

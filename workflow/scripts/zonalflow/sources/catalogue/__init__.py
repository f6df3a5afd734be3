"""What each service offers and at which address, known without sending a request; cheap to import."""

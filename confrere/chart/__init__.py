"""What a reader must know beside the images: notes, protocol, allergies, lab values, papers."""

"""DICOM network services (PS3.7, PS3.8): our own bounded upper layer; pynetdicom as client."""

"""Reports: drafts, preliminary and final versions, addenda. Signed text never changes."""

"""`make self-fencing`: how soon a leader that is frozen or cut off knows it, and how soon its label has moved."""

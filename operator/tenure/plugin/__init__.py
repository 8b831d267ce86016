"""`kubectl tenure`: what people ask of elections, and tell them to do, with their own kubeconfig."""

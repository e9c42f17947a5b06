"""How the weights of a model begin: rules for single layers, configurations of them, pretrained files."""

"""What a model costs: parameters, multiply-adds and activations, by module and by operator."""

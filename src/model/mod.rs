//! A BERT encoder read from a model folder, to take real Q, K and V from.

"""The proof on the bytes: no file of any process of the pipeline holds a plate that was to be destroyed."""

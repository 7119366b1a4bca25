"""One set of Pydantic models, two colours of API: the async shop window."""

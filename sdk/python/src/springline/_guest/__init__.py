"""The SDK inside a component. What is here imports `wit_world`, which componentize-py generates
from the WIT when it builds; natively, `springline.testing` stands in."""

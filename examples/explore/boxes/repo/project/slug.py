"""Names for addresses: "Hello, World!" is hello-world."""


def slug(title):
    return title.replace(" ", "-")

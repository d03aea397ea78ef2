# Accents come off before anything else is looked at.
cat > slug.py <<'PY'
"""Names for addresses: "Hello, World!" is hello-world."""

import re
import unicodedata


def slug(title):
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    return "-".join(re.findall(r"[a-z0-9]+", plain.lower()))
PY

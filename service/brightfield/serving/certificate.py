"""The certificate of HTTPS, looked at before anything starts."""

from __future__ import annotations

import ssl

from brightfield.settings import Settings


def check_certificate(settings: Settings) -> None:
    """Raises `ValueError` with one sentence if the files of HTTPS can't be read or don't belong
    together."""
    if settings.tls_certificate is None:
        return
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    except OSError as fault:  # an SSLError is one, too
        raise ValueError(
            f"BRIGHTFIELD_TLS_CERTIFICATE and BRIGHTFIELD_TLS_KEY can't be used: "
            f"{fault.strerror or fault}; name a certificate and its key, both as PEM."
        ) from fault

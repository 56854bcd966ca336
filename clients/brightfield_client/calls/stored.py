"""PUT /images: upload once, ask many times."""

from __future__ import annotations

from brightfield_client.calls.call import Call
from brightfield_client.calls.reading import part
from brightfield_client.images import ImageSource, StoredImage, to_payload


def put_image(image: ImageSource, *, timeout: float | None = None) -> Call[StoredImage]:
    """Store an image at the service for a while; pass what is returned wherever an image is wanted.

    Equal bytes get the same id. A later call may raise `NotFoundError` (`image_expired`): then
    store it again.
    """
    payload = to_payload(image)
    if payload.stored:
        raise ValueError("This image is stored already; pass it on as it is.")
    headers = {"Content-Type": payload.media_type}
    read = part("id", lambda name: StoredImage(str(name), payload.axes))
    content = payload.content
    return Call("PUT", "/images", read, headers=headers, content=content, timeout=timeout)

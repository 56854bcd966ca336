"""PUT /images: upload once, ask many times."""

from __future__ import annotations

from functools import partial

import httpx2

from brightfield_client.calls.call import Call, read_json
from brightfield_client.errors import UnexpectedReply
from brightfield_client.images import ImageSource, StoredImage, to_payload


def put_image(image: ImageSource) -> Call[StoredImage]:
    """Store an image at the service for a while; pass what is returned wherever an image is wanted.

    Equal bytes get the same id. A later call may raise `NotFoundError` (`image_expired`): then
    store it again.
    """
    payload = to_payload(image)
    if payload.stored:
        raise ValueError("This image is stored already; pass it on as it is.")
    headers = {"Content-Type": payload.media_type}
    read = partial(_stored, payload.axes)
    return Call("PUT", "/images", read, headers=headers, content=payload.content)


def _stored(axes: str | None, response: httpx2.Response) -> StoredImage:
    body = read_json(response)
    if not isinstance(body, dict) or not isinstance(body.get("id"), str):
        raise UnexpectedReply("The reply names no stored image.")
    return StoredImage(body["id"], axes)

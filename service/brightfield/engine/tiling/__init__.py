"""Fields of any size: how they are cut, and how what tiles give is put together."""

"""Small requests that ask for much work, and a service that is measured from outside."""

"""Memory of one monitor that is its own: anonymous, private, not the guest's."""
from .row import fact


def rows(data, limits, _):
    limit, own = limits["anonymous_kib"], data["anonymous_kib"]
    return [
        fact("anonymous, without the guest's", f"{own} KiB", f"<= {limit} KiB", own <= limit),
        fact("resident, without the guest's", f"{data['rss_kib'] - data['guest_kib']} KiB", None, None),
        fact("threads", str(data["threads"]), None, None),
        fact("descriptors", str(data["descriptors"]), None, None),
    ]

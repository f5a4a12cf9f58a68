"""What the imitations of Google's services share: service accounts, access tokens, errors, quotas by the minute, field masks."""

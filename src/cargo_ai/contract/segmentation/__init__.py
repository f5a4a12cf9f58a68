"""Wire types and operations of segmentation: filters, segments, records, changes."""

DOMAINS = {"segmentation": "Cut your data into segments: filters, saved segments, the records in them."}
GROUPS = {
    "segmentation segment": "Segments: the records of a model that a filter describes.",
    "segmentation change": "Changes: what differs between a segment and what it was.",
    "segmentation record": "Records of a model, by id.",
}

"""Wire types and operations of segmentation: filters, segments, records, changes."""

DOMAINS = {"segmentation": "Segments: filter the records of a model, save filters, and detect changes."}
GROUPS = {
    "segmentation segment": "Segments: the records of a model that match a filter.",
    "segmentation change": "Changes: how a segment differs from its last snapshot.",
    "segmentation record": "Records of a model, by id.",
}

"""The wire of segmentation: filters, segments, changes, records."""

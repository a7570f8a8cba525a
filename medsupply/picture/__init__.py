"""The picture: what is known on a report day, measured and judged. Pure: frames in, frames out."""

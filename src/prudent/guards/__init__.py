"""The one list of guards: constants, small judges over columns, the fused loop and its report; no input or output."""

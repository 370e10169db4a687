//! The attributes of springline-sdk.

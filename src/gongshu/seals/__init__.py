"""Floor 1a: Merkle trees and signatures. No Django."""

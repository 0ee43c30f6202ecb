"""Scripts that measure the program; results/ holds their last figures."""

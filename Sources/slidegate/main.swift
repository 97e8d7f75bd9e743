print("slidegate")

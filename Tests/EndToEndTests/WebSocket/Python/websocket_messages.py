def message(number, sender):
    """The message of that number: text and binary in turns, of many lengths around those where the header changes."""
    length = (0, 1, 100, 125, 126, 127, 1000)[number % 7]
    body = f"{sender} {number} " + "x" * length
    return body if number % 2 else body.encode()

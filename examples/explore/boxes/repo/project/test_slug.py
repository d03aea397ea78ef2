import unittest

from slug import slug


class Slugs(unittest.TestCase):
    def test_words_are_joined(self):
        self.assertEqual(slug("one two"), "one-two")

    def test_letters_are_small(self):
        self.assertEqual(slug("One Two"), "one-two")

    def test_marks_are_left_out(self):
        self.assertEqual(slug("Hello, World!"), "hello-world")

    def test_spaces_are_one(self):
        self.assertEqual(slug("  a   b "), "a-b")

    def test_accents_are_taken_off(self):
        self.assertEqual(slug("Café Été"), "cafe-ete")

    def test_nothing_is_nothing(self):
        self.assertEqual(slug("!!!"), "")


if __name__ == "__main__":
    unittest.main()

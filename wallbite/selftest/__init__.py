"""The self-test: does every check fail where something is broken, pass where nothing is, and decide nothing on lies?"""

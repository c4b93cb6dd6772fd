"""What happens to posts: pure steps over frames, one file each."""
